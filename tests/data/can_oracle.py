"""The 35 node and 11 edge features of the published definition, in plain Python, one window at a time."""

import itertools
from collections import Counter
from math import log, sqrt


def window_graph(rows, first_row, window, number_of):
    """rows: (time, id, bytes, attack, code). Gives {node_id: 35 features}, edges, label, attack type."""
    cut = rows[first_row : first_row + window]
    node = [number_of.get(row[1], 0) for row in cut]
    edges = [(node[j], node[j - 1]) for j in range(1, window)]
    features = {}
    for v in sorted(set(node)):
        own = [j for j in range(window) if node[j] == v]
        features[v] = node_row([cut[j] for j in own], [first_row + j for j in own], window)
        features[v][28] = clustering(v, edges)
        features[v][33] = sum(1 for edge in edges if edge[1] == v)
        features[v][34] = sum(1 for edge in edges if edge[0] == v)
    edge_rows = [edge_row(cut[j], cut[j - 1], edges[j - 1], edges) for j in range(1, window)]
    label = int(any(row[3] for row in cut))
    codes = Counter(row[4] for row in cut if row[4] > 0)
    attack_type = min((code for code in codes if codes[code] == max(codes.values())), default=0)
    return features, edges, edge_rows, label, attack_type


def padded(payload):
    return (list(payload) + [0] * 8)[:8]


def node_row(messages, global_rows, window):
    n = len(messages)
    by_byte = list(zip(*(padded(message[2]) for message in messages), strict=True))
    times = [message[0] for message in messages]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    gap_mean = sum(gaps) / len(gaps) if gaps else 0.0
    row = [mean(values) for values in by_byte]
    row += [deviation(values) for values in by_byte]
    row += [float(max(values) - min(values)) for values in by_byte]
    row += [float(n), mean([entropy(padded(message[2])) for message in messages])]
    row += [mean([shape(values, 3) for values in by_byte]), mean([shape(values, 4) for values in by_byte])]
    row += [0.0, mean([float(r % window < window // 2) for r in global_rows])]
    row += [mean([changes(values) for values in by_byte]), gap_mean, deviation(gaps) if n > 2 else 0.0]
    return [*row, 0.0, 0.0]


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    if len(values) < 2:
        return 0.0
    return sqrt(sum((value - mean(values)) ** 2 for value in values) / (len(values) - 1))


def shape(values, order):
    centre = mean(values)
    variance = mean([(value - centre) ** 2 for value in values])
    if max(values) == min(values):
        return 0.0
    moment = mean([(value - centre) ** order for value in values]) / variance ** (order / 2)
    return min(max(moment - (3.0 if order == 4 else 0.0), -10.0), 10.0)


def entropy(values):
    total = max(sum(values), 1e-12)
    return -sum(value / total * log(value / total) for value in values if value > 0)


def changes(values):
    if len(values) == 1:
        return 0.0
    return mean([float(a != b) for a, b in itertools.pairwise(values)])


def clustering(v, edges):
    around = {}
    for source, target in edges:
        around.setdefault(source, set()).add(target)
        around.setdefault(target, set()).add(source)
    near = around[v]
    walks = sum(1 for a in near for c in around[a] if c != v and c in near)
    degree = len(near)
    return walks / (degree * (degree - 1)) if degree > 1 else 0.0


def edge_row(later, earlier, edge, edges):
    change = [abs(a - b) for a, b in zip(padded(later[2]), padded(earlier[2]), strict=True)]
    return [later[0] - earlier[0], *change, float(edge[::-1] in edges), float(edges.count(edge))]
