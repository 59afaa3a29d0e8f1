"""Completion: the shells' scripts, the names that only a platform knows, and where shells look for scripts.

A script holds the whole command tree, so that words and flags are completed without starting Python. For app
names and the like it runs `jitsu completion SHELL --names KIND`, which answers from a cache.
"""
