"""Training of the demo weights from scratch: training methods, and the comparison of a retraining with its card.

A training method is a module here with `open_task`, chosen by `trainings.<id>.method`; without that key a training
uses its family's module in `samgap.training`. The trainings are in config/demo-models.yaml.
"""
