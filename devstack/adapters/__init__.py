"""The outside world, one adapter each, behind the protocols of `runtime.ports`.

docker, wasm, noop            engines
inline, url, local_directory  input sources
local_publisher               publishers
s3                            a source and a publisher
archive, source_params        what several of them share
ipfs                          a content store with its source and publisher; outside IPFS nodes
wire                          values as JSON
"""
