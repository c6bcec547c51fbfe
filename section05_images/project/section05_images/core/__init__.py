"""The idea of images in its plain case: a name leads to digests, digests to layers, layers to one overlay root.

Read in this order: ``image``, ``digests``, ``stream``, ``headers``, ``whiteouts``,
``entries``, ``unpack``, ``snapshot``.
"""
