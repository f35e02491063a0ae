"""``python -m elterra``."""

from elterra.cli import main

if __name__ == "__main__":
    main()
