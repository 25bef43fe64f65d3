#!/usr/bin/env python3
"""The permutation that shuffles data, from language.md ("Data") alone: prints the literals of test_host_data.c.
Philox4x32-10 as in Salmon et al. 2011; nothing here is shared with the runtime."""

def philox(key, counter):
    k0, k1 = key & 0xffffffff, key >> 32
    c = list(counter)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xffffffff]
        k0, k1 = (k0 + 0x9E3779B9) & 0xffffffff, (k1 + 0xBB67AE85) & 0xffffffff
    return c

def fnv1a_of(data):
    h = 2166136261
    for b in data:
        h = ((h ^ b) * 16777619) & 0xffffffff
    return h

def fnv1a(text):
    return fnv1a_of(text.encode())

def permutation(seed, epoch, name, n):
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        w = philox(seed, (i, epoch, 0, fnv1a(name)))
        u = (((w[1] << 32) | w[0]) >> 11) * 2.0 ** -53
        j = int(u * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order

def main():
    # Random123's published vector: zero key, zero counter
    assert philox(0, (0, 0, 0, 0)) == [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
    for seed, epoch, name, n in [(7, 0, "points", 10), (7, 1, "points", 10), (0x123456789abcdef0, 3, "mnist", 10),
                                 (4, 0xffffffff, "points", 10)]:
        print(f"{{{seed:#x}, {epoch:#x}, \"{name}\", {{{', '.join(map(str, permutation(seed, epoch, name, n)))}}}}},")

if __name__ == "__main__":
    main()
