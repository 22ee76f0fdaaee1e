"""Where the traffic of services goes: Endpoints, EndpointSlices, and mirrors of the former.

targets   a pod as services see it            members   the targets of each service
ports     a service's ports as a pod has them
subsets   what an Endpoints object says       slices    what the EndpointSlices say
mirror    slices for Endpoints made by hand   slicecache  slices as last seen or written
"""
