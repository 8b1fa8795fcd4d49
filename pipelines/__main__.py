"""`python -m pipelines` is the `desta` command."""

from pipelines.cli import main

if __name__ == "__main__":
    main()
