"""AskSight as a deployment of Ray Serve, which starts, places, scales and replaces replicas by itself.

Ours is what a replica does with a call, and nothing else; needs the extra `ray`.
"""
