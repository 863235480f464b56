"""The limits of a site as pipes for the flow, where they can be: each holds some cars, inside another or apart.

A limit in mA weighs cars by their phases, and the three of a feeder hold different cars, so it is no pipe for all of
them. Cars of one kind (the same phases) weigh the same everywhere: where a limit tells kinds apart, it and all inside
of it get a pipe for each kind. What of a limit each kind may take, the linear program says (`joint`), in whole Wh.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.core.valley.capacity import Ints, Limit, Mask, Model, phase_weights
from server.core.valley.flow import Branch

Floats = NDArray[np.float64]

ROUNDED = 1e-6
"""A program's energy may lie this much below a whole Wh and still mean it."""


def kinds(model: Model) -> Ints:
    """A number for each demand (n); equal where the phases are."""
    weights = phase_weights(model.demands)
    found: Ints = np.unique(weights @ np.array([64, 8, 1]), return_inverse=True)[1]
    return found


def binding(model: Model) -> list[Limit]:
    """The limits that the caps of their members could pass."""
    return [limit for limit in model.limits if np.any(limit.load(model.caps) > limit.limit)]


def shared(model: Model) -> bool:
    """Whether kinds of cars share a limit that is no pipe, so that a linear program must divide it."""
    return bool(_divided(model))


def loosened(model: Model) -> Model:
    """The site without the limits that a linear program would have to divide."""
    divided = {id(limit) for limit in _divided(model)}
    return msgspec.structs.replace(model, limits=[limit for limit in model.limits if id(limit) not in divided])


def _divided(model: Model) -> list[Limit]:
    """The limits inside of the connection that kinds of cars share, where pipes are by kind."""
    inner = _inner(model)
    if not inner:
        return []
    kind = kinds(model)
    split = zip(inner, _split(inner, kind), strict=True)
    return [limit for limit, by_kind in split if by_kind and len(np.unique(kind[limit.members])) > 1]


def _inner(model: Model) -> list[Limit]:
    """The limits that can bind, but that of the connection, which holds everybody."""
    connection = model.limits[-1]
    return [limit for limit in binding(model) if limit is not connection]


def pipes(model: Model, usage: Ints | Floats | None = None) -> list[Branch]:
    """Pipes for all limits that can bind, inner before outer; whole Wh, so that the flow passes no limit.

    `usage` (n, t) says what kinds take of limits that they share; without it they share by what they could take.
    """
    inner, connection = _inner(model), model.limits[-1]
    binds = bool(np.any(connection.load(model.caps) > connection.limit))
    kind = kinds(model) if inner else model.tier
    usage = model.caps if usage is None else usage
    caps: dict[bytes, tuple[Mask, Ints]] = {}
    for limit, split in zip(inner, _split(inner, kind), strict=True):
        groups = [limit.members & (kind == one) for one in np.unique(kind[limit.members])]
        groups = groups if split else [limit.members]
        for members, cap in zip(groups, _shares(limit, groups, usage), strict=True):
            known = caps.get(members.tobytes())
            caps[members.tobytes()] = (members, cap if known is None else np.minimum(cap, known[1]))
    made = [Branch(members, cap, -1) for members, cap in sorted(caps.values(), key=lambda one: int(one[0].sum()))]
    if inner or binds or sells_solar(model):
        made.append(Branch(connection.members, connection.limit, -1, connection=True))
    return [msgspec.structs.replace(pipe, parent=_parent(made, index)) for index, pipe in enumerate(made)]


def sells_solar(model: Model) -> bool:
    """Whether it matters how much of its solar energy a site takes itself."""
    worth = (model.solar > 0) & (model.rebate != 0)
    return bool(np.any(worth & model.caps.any(axis=0)))


def _split(limits: Sequence[Limit], kind: Ints) -> list[bool]:
    """Which limits need a pipe for each kind: those of whose members one, or one around them, tells some apart."""
    around = [[index for index, other in enumerate(limits) if np.all(other.scope[one.scope])] for one in limits]
    split = [
        any(len(np.unique(limits[index].weight[one.members])) > 1 for index in outer)
        for one, outer in zip(limits, around, strict=True)
    ]
    several = [len(np.unique(kind[one.members])) > 1 for one in limits]
    for _ in limits:  # what lies inside of a split limit, or beside it at the same feeder, may follow step by step
        split = [
            one or (several[at] and any(split[index] and several[index] for index in around[at]))
            for at, one in enumerate(split)
        ]
    return split


def _shares(limit: Limit, groups: list[Mask], usage: Ints | Floats) -> list[Ints]:
    """Whole Wh for each group: what it uses, and an even part of what is left."""
    weights = [int(limit.weight[group][0]) for group in groups]
    if len(groups) == 1:
        return [limit.limit // weights[0]]
    used = [usage[group].sum(axis=0) for group in groups]
    load = sum((weight * use for weight, use in zip(weights, used, strict=True)), np.zeros(len(limit.limit)))
    # Without a program all want all, and get in proportion; with one the load fits but for its tolerance.
    fit = np.where(load > limit.limit, limit.limit / np.maximum(load, 1e-9), 1.0)
    caps = [np.floor(use * fit + ROUNDED).astype(np.int64) for use in used]
    left = limit.limit.copy()
    for index, weight in enumerate(weights):
        caps[index] = np.minimum(caps[index], left // weight)
        left -= weight * caps[index]
    spare = left // len(groups)
    return [cap + spare // weight for cap, weight in zip(caps, weights, strict=True)]


def _parent(made: list[Branch], index: int) -> int:
    """The next pipe outwards that holds the same members."""
    members = made[index].members
    for outer in range(index + 1, len(made)):
        if np.all(made[outer].members[members]):
            return outer
    return -1
