# The web page: docker build -f docker/web.Dockerfile -t focal-omr-web .
#   docker run --rm -p 127.0.0.1:8000:8000 -v focal-omr:/data focal-omr-web --token "$(openssl rand -hex 16)"
FROM python:3.12-slim

COPY pyproject.toml README.md LICENSE THIRD_PARTY.md constraints.txt /src/
COPY focal_omr /src/focal_omr
RUN pip install --no-cache-dir -c /src/constraints.txt "/src[web]"

RUN useradd --create-home --uid 1000 reader && mkdir /data && chown reader /data
USER reader
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
ENTRYPOINT ["focal-omr", "serve", "--host", "0.0.0.0", "--data", "/data", "--no-open"]
