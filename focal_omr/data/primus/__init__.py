"""PrIMuS and Camera-PrIMuS: read, checked, indexed, split and written."""
