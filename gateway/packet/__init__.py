"""The bytes of NNCP packets: no files, no configuration, no clock, only the streams handed in.

The path of a message out: `plain` (what a packet says) and `compression` (its body) go
through `sealing` (blocks under `keys`, behind a signed `header`), which names the result by
`mth`. The way in is `opening`, then `compression`. Beside them stand `identity` (who we are,
and the text form of keys and names), `niceness`, `blocks` (how streams are cut) and `failures`
(every way a packet can be bad).
"""
