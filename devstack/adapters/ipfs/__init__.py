"""IPFS: files and folders by what they hold. Kubo's CIDs, without Kubo.

cid        what a block is called            node       one block, written and read
add        files and folders to blocks       shard      large folders
read       blocks to files and folders       store      blocks on this disk
kubo       blocks of an outside IPFS node    rpc        the routes of Kubo's API over the store
uploads    files that clients add            providers  input source and publisher
gateway    fetching what a stack has published
"""
