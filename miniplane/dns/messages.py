"""DNS messages: a query's bytes in, the answer's bytes out. Nothing else knows `dnslib`.

Answers are what CoreDNS gives with the settings of kubeadm: authoritative, TTL 30, a SOA record
beside every empty answer. Names elsewhere are refused: there is no network to ask.
"""

import dnslib
from dnslib import CLASS, OPCODE, QTYPE, RCODE, RR

from miniplane.dns.zone import Record, Zone

TTL = 30
REFRESH, RETRY, EXPIRE = 7200, 1800, 86400
PLAIN = 512
"""Longest answer over UDP for who does not say that longer ones can be taken (RFC 1035)."""
LONGEST = 1232
"""Longest answer over UDP that cannot be torn apart on its way (DNS flag day 2020)."""
LONGEST_TCP = 2**16 - 1
_HEADER = 12
_ANY = 255
_BAD_VERSION = 16
_DO = 0x8000


def answer(zone: Zone, query: bytes, *, serial: int, udp: bool) -> bytes | None:
    """The answer to a query; None for bytes that nobody can be told about.

    `serial` is that of the SOA record. Over UDP, an answer that is too long says so and is empty,
    so that the client asks again over TCP.
    """
    try:
        request = dnslib.DNSRecord.parse(query)
    except (dnslib.DNSError, ValueError, IndexError):
        return _malformed(query)
    if request.header.qr:
        return None  # an answer; answering it could go on for ever
    reply = request.reply(ra=0, aa=1)
    reply.header.ad = 0
    edns = next((rr for rr in request.ar if rr.rtype == QTYPE.OPT), None)
    if edns is not None and _version(edns):
        # Newer than anybody knows: the options are of a kind that cannot be read.
        reply.header.aa = 0
        reply.add_ar(dnslib.EDNS0(udp_len=LONGEST, ext_rcode=_BAD_VERSION >> 4))
        reply.header.rcode = _BAD_VERSION & 0xF
        return bytes(reply.pack())
    if request.header.opcode != OPCODE.QUERY:
        reply.header.aa, reply.header.rcode, reply.questions = 0, RCODE.NOTIMP, []
    elif len(request.questions) != 1 or request.q.qclass not in (CLASS.IN, _ANY):
        reply.header.aa, reply.header.rcode, reply.questions = 0, RCODE.FORMERR, []
    else:
        _fill(reply, zone, request.q, serial)
    room = PLAIN
    if edns is not None:
        reply.add_ar(dnslib.EDNS0(udp_len=LONGEST, flags="do" if edns.ttl & _DO else ""))
        room = min(max(edns.rclass, PLAIN), LONGEST)
    packed = bytes(reply.pack())
    if udp and len(packed) > room:
        reply.rr, reply.auth, reply.ar = [], [], [rr for rr in reply.ar if rr.rtype == QTYPE.OPT]
        reply.header.tc = 1
        return bytes(reply.pack())
    while len(packed) > LONGEST_TCP:
        # What does not fit is left out; the additional records are the least loss.
        reply.ar, reply.rr = [], reply.rr[: len(reply.rr) * LONGEST_TCP // len(packed) - 1]
        packed = bytes(reply.pack())
    return packed


def _version(edns: RR) -> int:
    """The version of EDNS (RFC 6891): there is no other than 0."""
    return int(edns.ttl) >> 16 & 0xFF


def _fill(reply: dnslib.DNSRecord, zone: Zone, question: dnslib.DNSQuestion, serial: int) -> None:
    asked = str(question.qname).rstrip(".")
    name = asked.lower()
    if not zone.holds(name):
        reply.header.aa, reply.header.rcode = 0, RCODE.REFUSED
        return
    kind = QTYPE.get(question.qtype) if question.qtype in QTYPE.forward else ""
    found = zone.lookup(name, kind)
    for record in found.records:
        # The question's own spelling comes back, as clients that mix cases want it (RFC 5452).
        reply.add_answer(_rr(record, asked if record.name == name else record.name))
    for record in found.additional:
        reply.add_ar(_rr(record, record.name))
    if not found.exists:
        reply.header.rcode = RCODE.NXDOMAIN
    soa = kind == "SOA" and name == zone.domain
    if soa:
        reply.add_answer(_soa(zone, serial))
    elif not found.records:
        reply.add_auth(_soa(zone, serial))


def _rr(record: Record, name: str) -> RR:
    data: dnslib.RD
    match record.type:
        case "A":
            data = dnslib.A(record.data)
        case "AAAA":
            data = dnslib.AAAA(record.data)
        case "CNAME":
            data = dnslib.CNAME(record.data)
        case "PTR":
            data = dnslib.PTR(record.data)
        case "NS":
            data = dnslib.NS(record.data)
        case "TXT":
            data = dnslib.TXT(record.data)
        case _:
            weight, port, target = record.data.split(" ")
            data = dnslib.SRV(0, int(weight), int(port), target)
    return RR(name, getattr(QTYPE, record.type), ttl=TTL, rdata=data)


def _soa(zone: Zone, serial: int) -> RR:
    times = (serial % 2**32, REFRESH, RETRY, EXPIRE, TTL)
    data = dnslib.SOA(zone.nameserver, f"hostmaster.{zone.domain}", times)
    return RR(zone.domain, QTYPE.SOA, ttl=TTL, rdata=data)


def _malformed(query: bytes) -> bytes | None:
    if len(query) < _HEADER or query[2] & 0x80:
        return None
    header = dnslib.DNSHeader(id=int.from_bytes(query[:2]), qr=1, rcode=RCODE.FORMERR)
    return bytes(dnslib.DNSRecord(header).pack())
