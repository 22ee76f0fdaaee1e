"""Where the traffic of services goes: Endpoints, EndpointSlices, and mirrors of the former.

targets   a pod as services see it            members   the targets of each service
ports     a service's ports as a pod has them           and what has changed among them
subsets   what an Endpoints object says       slices    what the EndpointSlices say
packing   which slice an endpoint goes into   slicecache  slices as last seen or written
mirror    slices for Endpoints made by hand   triggers  the time of the change behind a write
topology  hints by the shares of the zones
"""
