"""Which objects a command is about: words, selectors and files, read as cli-runtime's resource package reads them.

`selection` is for verbs that read, `chosen` for verbs that go on from object to object. It may import `frame` and what
lies below; what is done with the objects is the verbs' business.
"""
