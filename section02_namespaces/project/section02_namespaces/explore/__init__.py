"""The namespace explorer: all namespaces that can be found, what they are to each other, and what keeps each alive.

survey.py       the conductor: one look at the machine, a Survey
look.py         which process and which thread is in which namespaces
descriptors.py  which descriptors hold one
mounts.py       which mounts hold one
kin.py          owner and parent, by the namespace ioctls, and up from there to namespaces that nothing else shows
model.py        Found and Survey: values
rows.py         a namespace as a row; compare.py: two processes; hierarchy.py: who is below whom; watching.py: changes
"""
