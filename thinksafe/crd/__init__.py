"""The CustomResourceDefinition and the reference of the manifest, both made from the models of thinksafe/spec.

`python -m thinksafe.crd` writes crds/ and docs/manifest.md; a test says when they are not what it would write.
"""
