"""The commands of `kith`, by what they are about."""
