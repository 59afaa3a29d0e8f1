"""Tests of the package.json project on disk."""
