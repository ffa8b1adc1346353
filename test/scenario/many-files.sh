#!/bin/bash
# Many small files are made, found, read and removed, as in test/bench/million-files.
export FILES=20000 FOLDERS=20
exec "$(dirname "$0")/../bench/million-files"
