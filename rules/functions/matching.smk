# Input functions of matching.smk.


def flow_input(wildcards):
    """Return the image folder of a rendered sequence, which has the optical flow files."""
    has_flow = "frames" in config["datasets"][wildcards.dataset]
    return {"pictures": f"resources/datasets/{wildcards.dataset}/images"} if has_flow else {}
