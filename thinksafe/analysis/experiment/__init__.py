"""The combined report of an experiment: what its variants came to, beside one of them. Pure; the store is read by
thinksafe/stages/comparison.py.
"""
