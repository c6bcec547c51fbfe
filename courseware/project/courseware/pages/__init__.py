"""What the study site's pages say, as Markdown: lessons rewritten, exercises, look-ups, surfaces, navigation.

What belongs here: text in, text out, and the copies that a page needs beside it. What does not: the order of the work,
and calling mkdocs (``courseware.site``). The sources stay plain Markdown that reads well on GitHub; whatever the site
adds to it is added here.
"""
