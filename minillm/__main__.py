"""python -m minillm"""

from minillm.cli.main import main

raise SystemExit(main())
