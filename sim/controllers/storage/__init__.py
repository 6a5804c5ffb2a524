"""Controllers of storage: claims are bound to volumes, made where a class has a provisioner, and protected while used."""
