from lxml import html

from odoo import fields
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestFarmPages(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["dairy.animal"].search([]).unlink()
        cls.animals = cls.env["dairy.animal"].create(
            [
                {
                    "name": f"Cow {number}",
                    "birth_date": "2020-01-01",
                    "status": "milking",
                    "is_published": number > 0,
                }
                for number in range(31)
            ]
        )
        yesterday = fields.Date.subtract(fields.Date.today(), days=1)
        cls.env["dairy.milk.record"].create(
            {"animal_id": cls.animals[1].id, "date": yesterday, "liters": 35}
        )

    def _page(self, url, status=200):
        response = self.url_open(url)
        self.assertEqual(response.status_code, status, url)
        return html.fromstring(response.content)

    def _names(self, page):
        return page.xpath("//tbody/tr/th/a/text()")

    def test_farm_shows_the_milk_of_a_day(self):
        page = self._page("/farm")
        self.assertEqual(page.xpath("string(//dl/div[1]/dd)").split(), ["5", "l"])
        self.assertEqual(page.xpath("string(//dl/div[4]/dd)").strip(), "30")

    def test_animals_in_pages(self):
        first, second = self._page("/farm/animals"), self._page("/farm/animals/page/2")
        self.assertEqual(len(self._names(first)), 24)
        self.assertEqual(len(self._names(second)), 6)
        names = set(self._names(first)) | set(self._names(second))
        self.assertEqual(names, set(self.animals[1:].mapped("name")))

    def test_pages_that_are_not_there_are_the_nearest(self):
        self.assertEqual(len(self._names(self._page("/farm/animals/page/99"))), 6)
        self.assertEqual(len(self._names(self._page("/farm/animals/page/0"))), 24)

    def test_no_animals(self):
        self.animals.unlink()
        self.assertEqual(self._names(self._page("/farm/animals")), [])

    def test_an_animal(self):
        page = self._page(f"/farm/animals/{self.animals[1].id}")
        self.assertEqual(page.xpath("string(//h1)").strip(), "Cow 1")
        self.assertIn("5.0", page.xpath("string(//main)"))

    def test_hidden_and_unknown_animals_are_not_found(self):
        self._page(f"/farm/animals/{self.animals[0].id}", 404)
        self._page("/farm/animals/999999", 404)

    def test_what_a_reader_and_a_robot_need(self):
        for url in ("/farm", "/farm/animals"):
            page = self._page(url)
            self.assertEqual(len(page.xpath("//h1")), 1)
            self.assertEqual(len(page.xpath("//meta[@name='description']")), 1)
            self.assertFalse(page.xpath("//main//img[not(@alt)]"))
        table = page.xpath("//main//table")[0]
        self.assertEqual(len(table.xpath("thead//th[@scope='col']")), 5)
        self.assertEqual(len(table.xpath("tbody//th[@scope='row']")), 24)

    def test_a_longer_page_needs_no_more_queries(self):
        self.url_open("/farm/animals")
        short, long = map(self._queries, ("/farm/animals/page/2", "/farm/animals"))
        self.assertLessEqual(long, short + 1)

    def _queries(self, url):
        """The fewest of three visits: settings are read anew each few seconds."""
        counts = []
        for _visit in range(3):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.url_open(url)
            counts.append(self.env.cr.sql_log_count - before)
        return min(counts)
