"""Several machines that train as one: who they are, whether they read the same data, and sums over all of them."""
