"""`python -m asgate`."""

from asgate.cli import main

if __name__ == "__main__":
    main()
