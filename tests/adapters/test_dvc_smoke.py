"""smoke"""
from mlops_ci.adapters.dvc import Dvc
def test_a(rich):
    d=Dvc.open(rich)
    g=d.graph()
    for s in g.stages: print(s)
    print(g.sources,g.artifacts,g.metrics,g.plots)
    print(d.present())
    for s in d.plan().steps: print(s)
    print(d.missing_in_remote())
    print(d.run())
def test_b(clone):
    import time
    d=Dvc.open(clone)
    t=time.time()
    p=d.plan()
    print(time.time()-t)
    for s in p.steps: print(s)
    print(d.run())
    print(d.missing_in_remote())
    print(d.read("report/eval/metrics.json"), d.read("model-lin-1.txt"))
