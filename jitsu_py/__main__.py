"""`python -m jitsu_py` is `jitsu`."""

from jitsu_py.cli import main

if __name__ == "__main__":
    main()
