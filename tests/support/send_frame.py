"""Frames with whatever addresses are asked for, and a listener that writes down what it gets.

  send_frame.py datagram SOURCE-MAC SOURCE-IP TARGET-MAC TARGET-IP PORT TEXT
  send_frame.py arp SOURCE-MAC SENDER-MAC SENDER-IP TARGET-IP
  send_frame.py listen ADDRESS PORT FILE     adds a line "ready" and one per datagram
"""
import socket
import struct
import sys


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(frame):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind(("eth0", 0))
        link.send(frame)


def datagram(source_mac, source, target_mac, target, port, text):
    payload = text.encode()
    # Without a checksum, as UDP may be.
    udp = struct.pack(">HHHH", 40000, int(port), 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    start = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(udp), 1, 0, 64, 17)
    header = start + struct.pack(">H", checksum(start + b"\0\0" + addresses)) + addresses
    send(mac(target_mac) + mac(source_mac) + b"\x08\x00" + header + udp)


def arp(source_mac, sender_mac, sender, target):
    request = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1)
    body = mac(sender_mac) + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target)
    send(b"\xff" * 6 + mac(source_mac) + b"\x08\x06" + request + body)


def listen(address, port, path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, int(port)))
        line = "ready"
        while True:
            with open(path, "a") as heard:
                heard.write(line + "\n")
            line = server.recv(2048).decode(errors="replace")


{"datagram": datagram, "arp": arp, "listen": listen}[sys.argv[1]](*sys.argv[2:])
