"""Matching: from predicted masks and ground truth to the tables `overlaps`, `instances` and `pairs`.

`checks` validates the input, `overlap` has the IoU matrices of an image, `assignment` the threshold of a match and the
one-to-one assignment, `nouns` the `ignore` instances that excuse predictions, `label_distances` the distances of
predictions to labels, `image` the rows of one image, `shard` the tables. The statistics of a prompt are in
`prompt_statistics` (all kinds), `phrases` (score sweeps, attributes, paraphrases), `coco` (average precision) and
`video` (tracks and consecutive frames, with `contours`).
"""
