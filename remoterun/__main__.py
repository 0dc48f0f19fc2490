"""`python -m remoterun`."""

from remoterun.cli.app import main

if __name__ == "__main__":
    main()
