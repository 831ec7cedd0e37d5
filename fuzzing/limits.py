"""What a reader may take for one file; apart from the rest, which takes long to load."""

LIMIT_S = 10.0
MEMORY_MB = 2000


def limit_memory() -> None:
    """No more memory than that for this process, where the system can say so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    size = MEMORY_MB * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))
