"""The linear optimum of a problem by SciPy's HiGHS, written from the contract; it shares no code with the engine."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from valley_problems import feed_in, grid_prices, limits_of, net_base_w, prices_of, seconds_of, supply_of

from server.core.valley.problem import Problem


class Linear:
    """A problem without least powers as rows and columns: energy[i, t] first, then what each site has."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.slots, self.seconds = problem.slots, seconds_of(problem)
        self.rows: list[dict[int, float]] = []
        self.most: list[float] = []
        self.bounds: list[tuple[float, float | None]] = []
        self.costs: list[float] = []
        for demand, prices in zip(problem.demands, prices_of(problem), strict=True):
            for slot, seconds in enumerate(self.seconds):
                inside = demand.arrive_slot <= slot < demand.depart_slot
                self.column(0, demand.max_w * seconds // 3600 if inside else 0, prices[slot])
        for weights, limit in limits_of(problem):
            for slot, most in enumerate(limit):
                self.add({i * self.slots + slot: weight for i, weight in weights.items()}, most)
        for i, demand in enumerate(problem.demands):
            self.add({i * self.slots + slot: 1 for slot in range(self.slots)}, demand.energy_wh)
        for site in problem.sites:
            self.supply(site)

    def column(self, least, most, cost) -> int:
        self.bounds.append((least, most))
        self.costs.append(cost)
        return len(self.costs) - 1

    def add(self, row: dict[int, float], most: float) -> None:
        self.rows.append(row)
        self.most.append(most)

    def supply(self, site) -> None:
        """Grid, sun, peak and battery: net = cars + charged - given + sold - sun, from the grid or saved there."""
        grid, sun = supply_of(self.problem, site)
        base = [max(0, one) for one in net_base_w(self.problem, site)]
        price, fed = grid_prices(self.problem), feed_in(self.problem, site)
        here = [i for i, one in enumerate(self.problem.demands) if one.site == site.id]
        limit = site.limit_w if isinstance(site.limit_w, list) else [site.limit_w] * self.slots
        peak = self.column(site.peak_so_far_w, None, site.peak_price_micro_per_kw)
        self.so_far = getattr(self, "so_far", 0) + site.peak_price_micro_per_kw * site.peak_so_far_w
        before = None
        for t, seconds in enumerate(self.seconds):
            net = {i * self.slots + t: 1.0 for i in here}
            net[self.column(0, sun[t], fed[t] - price[t])] = -1.0
            lowest = 0
            if site.battery is not None:
                power = site.battery.max_w * seconds // 3600
                lowest = -(base[t] * seconds // 3600)
                sale = max(0, limit[t] * seconds // 3600 - sun[t])
                charged, given = self.column(0, power, price[t]), self.column(0, power, -price[t])
                sold = self.column(0, sale, price[t] - fed[t])
                last = t == self.slots - 1
                held = self.column(site.battery.stored_wh if last else 0, site.battery.capacity_wh, 0)
                net |= {charged: 1.0, given: -1.0, sold: 1.0}
                self.add({charged: 1, given: 1}, power)
                self.add({sold: 1, given: -1}, 0)
                row = {held: 1.0, charged: -site.battery.efficiency_pct / 100, given: 1.0}
                start = site.battery.stored_wh
                if before is not None:
                    row[before], start = -1.0, 0
                self.add(row, start)
                self.add({column: -value for column, value in row.items()}, -start)
                before = held
            self.add(net, grid[t])
            self.add({column: -value for column, value in net.items()}, -lowest)
            self.add(net | {peak: -seconds / 3600}, -base[t] * seconds / 3600)

    def least(self, costs=None) -> float:
        """The least of an objective; of the cost, without one."""
        costs = self.costs if costs is None else np.concatenate((costs, np.zeros(len(self.costs) - len(costs))))
        entries = [(i, column, value) for i, row in enumerate(self.rows) for column, value in row.items()]
        at, columns, values = zip(*entries, strict=True)
        matrix = coo_array((values, (at, columns)), shape=(len(self.rows), len(self.costs))).tocsr()
        scale = max(1.0, float(np.abs(costs).max()))
        found = linprog(np.array(costs) / scale, A_ub=matrix, b_ub=self.most, bounds=self.bounds, method="highs")
        assert found.status == 0, found.message
        return float(found.fun) * scale

    def cost(self) -> float:
        """The least cost as the contract counts it."""
        return self.least() - self.so_far


def served_by(linear: Linear, energies: list[list[int]]) -> Linear:
    """The problem with each demand held to what a plan serves it."""
    for index, row in enumerate(energies):
        columns = range(index * linear.slots, (index + 1) * linear.slots)
        linear.add(dict.fromkeys(columns, 1.0), sum(row))
        linear.add(dict.fromkeys(columns, -1.0), -sum(row))
    return linear


def linear_optimum(problem: Problem) -> tuple[list[float], float]:
    """Energy served by priority, the highest first, and the least cost of serving that."""
    linear, slots, served = Linear(problem), problem.slots, []
    for priority in sorted({demand.priority for demand in problem.demands}, reverse=True):
        mine = [i for i, demand in enumerate(problem.demands) if demand.priority == priority]
        row = {i * slots + slot: -1.0 for i in mine for slot in range(slots)}
        costs = np.zeros(len(problem.demands) * slots)
        costs[list(row)] = -1.0
        served.append(-linear.least(costs))
        linear.add(row, -served[-1] + 1e-5)
    return served, linear.cost()
