"""HorizontalPodAutoscalers. After `pkg/controller/podautoscaler`.

`usage.py` reads what pods use, `replicas.py` says how many replicas that asks for, `metrics.py`
does so for each metric, `behavior.py` says how fast replicas may come and go, `plan.py` puts it
together, `controller.py` asks and writes.
"""
