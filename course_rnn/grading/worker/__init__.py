"""The untrusted side: all of the course that is in the room with a stranger's code. It knows no answers.

It must not import anything of the course but itself.
"""
