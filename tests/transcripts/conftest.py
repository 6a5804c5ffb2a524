def pytest_addoption(parser):
    parser.addoption("--rewrite", action="store_true", help="write what the lines say now into the transcripts")
