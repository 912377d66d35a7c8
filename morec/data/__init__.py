"""Interactions, titles and images: from files to the windows and splits that trials use.

``readers`` turn ``files`` and ``images`` into ``interactions``; ``windows`` cuts them per user;
``dataset`` holds the result, in memory or memory-mapped; ``splits`` leaves one item out;
``slices`` groups users; ``decoded_images`` turns images into pixels.
"""
