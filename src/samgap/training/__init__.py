"""Fine-tuning: the training loop, and a package for each model family (`open_task` is its entry point).

Masks for images labelled only with boxes (`box_masks`) belong here, since any training may use such data. Objectives
that were needed only to train this repository's demo weights from scratch are in `samgap.demo_models`, which imports
this package; nothing here imports `samgap.demo_models`.
"""
