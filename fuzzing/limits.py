"""Time and memory limits of a reader for one file; a module of its own because the others import slowly."""

LIMIT_S = 10.0
MEMORY_MB = 2000


def limit_memory() -> None:
    """Limit the memory of this process, on systems with resource limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    size = MEMORY_MB * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))
