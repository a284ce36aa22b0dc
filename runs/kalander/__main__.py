"""`python -m kalander`: the same command, where no script of that name is on the path."""

from kalander.runs.launch import main

if __name__ == "__main__":
    main()
