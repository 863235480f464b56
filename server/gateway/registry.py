"""Who is on the line: the newest link of each station."""

from uuid import UUID

from server.gateway.link import Link


class Registry:
    """One link a station, the newest (a station may open a second socket before the first is seen to be dead)."""

    def __init__(self) -> None:
        self._links: dict[UUID, Link] = {}

    def put(self, link: Link) -> Link | None:
        """The link is its station's from now on; returns the one that it takes the place of."""
        previous = self._links.get(link.station_id)
        self._links[link.station_id] = link
        return previous

    def get(self, station_id: UUID) -> Link | None:
        """The station's link, None where it is offline."""
        link = self._links.get(station_id)
        return link if link is not None and link.open else None

    def is_current(self, link: Link) -> bool:
        """Is it still its station's link?"""
        return self._links.get(link.station_id) is link

    def remove(self, link: Link) -> None:
        """The link is gone; a newer one of its station stays."""
        if self.is_current(link):
            del self._links[link.station_id]

    def all(self) -> list[Link]:
        """Every station's link."""
        return list(self._links.values())
