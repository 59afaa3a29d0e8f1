"""The package.json project on disk."""
