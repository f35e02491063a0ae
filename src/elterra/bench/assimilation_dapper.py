"""Wall time of DAPPER on the lines of the table. This file is run by the interpreter that has DAPPER: it
imports nothing of elterra.

Reads ``{name: [expression, model steps between observations]}`` as JSON from the standard input and prints, a line a method,
``{name: [seconds an analysis, the same without DAPPER's own statistics]}``.
"""

import json
import sys
import time
import warnings


def seconds(expression: str, every: int, analyses: int) -> tuple[float, float]:
    """Seconds an analysis, model included, with and without the statistics that DAPPER takes at every time."""
    import dapper as dpr
    import dapper.da_methods as da
    from dapper.mods.Lorenz96.sakov2008 import HMM

    hmm = HMM.copy()
    hmm.tseq.dko = every
    hmm.tseq.Ko = analyses
    hmm.tseq.BurnIn = 0.0
    dpr.set_seed(3000)
    truth, data = hmm.simulate()
    method = eval(expression, vars(da))
    start = time.perf_counter()
    method.assimilate(hmm, truth, data, liveplots=False)
    whole = time.perf_counter() - start

    # The bare method: statistics that do nothing. DAPPER makes its Stats in `assimilate`, so the class is changed.
    from dapper.stats import Stats

    kept = Stats.assess
    Stats.assess = lambda self, *words, **named: None
    try:
        method = eval(expression, vars(da))
        start = time.perf_counter()
        method.assimilate(hmm, truth, data, liveplots=False)
        bare = time.perf_counter() - start
    finally:
        Stats.assess = kept
    return whole / (analyses + 1), bare / (analyses + 1)


def main() -> None:
    told, sys.stdout = sys.stdout, sys.stderr  # DAPPER talks when it is imported
    warnings.simplefilter("ignore")
    from dapper.tools import progressbar

    progressbar.disable_progbar = True
    asked = json.load(sys.stdin)
    for name, (expression, every, analyses) in asked.items():
        try:
            found = seconds(expression, every, analyses)
        except Exception as e:  # a method that this version of DAPPER cannot run has no time
            print(f"dapper: {name}: {type(e).__name__}: {e}", file=sys.stderr)
            continue
        print(json.dumps({name: found}), file=told, flush=True)


if __name__ == "__main__":
    main()
