"""Interactions, items and images: from files to padded batches.

The order of the steps is the order of the files: a reader (``movielens``, ``files``,
``sequences``, ``synthetic``) gives ``interactions``; ``windows`` cuts them; ``dataset`` holds
the result; ``splits`` leaves one out; ``batches`` feeds training; ``references`` are the
untrained yardsticks.
"""
