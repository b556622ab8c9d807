"""`python -m deepnic.cli`, as `python -m deepnic`."""

from deepnic.cli import main

if __name__ == "__main__":
    main()
