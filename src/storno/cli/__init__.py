"""The command line, thin: it reads arguments, calls one door of the layers below and prints the answer.

Texts come in English and Chinese through `text.t`; refusals leave through `trouble.Trouble`.
It holds no rule about money or messages and must not be imported by any other folder.
"""
