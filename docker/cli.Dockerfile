# The command line: docker build -f docker/cli.Dockerfile -t focal-omr .
#   docker run --rm -v "$PWD":/work focal-omr read scans --out scores
FROM python:3.12-slim

COPY pyproject.toml README.md LICENSE THIRD_PARTY.md constraints.txt /src/
COPY focal_omr /src/focal_omr
RUN pip install --no-cache-dir -c /src/constraints.txt /src

# Not as root: inputs are untrusted. Add --user "$(id -u)" if the mounted folder belongs to another user.
RUN useradd --create-home --uid 1000 reader
USER reader
WORKDIR /work
ENTRYPOINT ["focal-omr"]
