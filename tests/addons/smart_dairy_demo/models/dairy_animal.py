from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

STATUSES = [
    ("milking", "In milk"),
    ("dry", "Dry"),
    ("heifer", "Heifer"),
    ("calf", "Calf"),
    ("bull", "Bull"),
    ("sold", "Sold"),
]
BREEDS = [
    ("holstein_cross", "Holstein Friesian cross"),
    ("jersey_cross", "Jersey cross"),
    ("sahiwal", "Sahiwal"),
    ("pabna", "Pabna"),
    ("red_chittagong", "Red Chittagong"),
]
AVERAGE_DAYS = 7


class DairyAnimal(models.Model):
    _name = "dairy.animal"
    _description = "Farm Animal"
    _order = "tag"
    _rec_names_search = ["tag", "name"]

    tag = fields.Char(
        "Ear Tag",
        required=True,
        copy=False,
        index=True,
        default=lambda self: self.env["ir.sequence"].next_by_code("dairy.animal"),
    )
    name = fields.Char(required=True)
    breed = fields.Selection(BREEDS, required=True, default="holstein_cross")
    sex = fields.Selection(
        [("female", "Female"), ("male", "Male")], required=True, default="female"
    )
    birth_date = fields.Date(required=True)
    status = fields.Selection(STATUSES, required=True, default="calf", index=True)
    mother_id = fields.Many2one(
        "dairy.animal",
        domain="[('sex', '=', 'female')]",
        ondelete="set null",
        index="btree_not_null",
    )
    calf_ids = fields.One2many("dairy.animal", "mother_id", "Offspring")
    last_calving_date = fields.Date("Last Calving")
    is_published = fields.Boolean("On the Website", default=True)
    active = fields.Boolean(default=True)
    milk_record_ids = fields.One2many("dairy.milk.record", "animal_id", "Milk Records")
    daily_liters = fields.Float(
        f"Liters a Day, {AVERAGE_DAYS} Days",
        compute="_compute_daily_liters",
        digits=(10, 1),
    )

    _tag_unique = models.Constraint("UNIQUE(tag)", "Another animal has this ear tag.")

    @api.depends("milk_record_ids.liters", "milk_record_ids.date")
    def _compute_daily_liters(self):
        since = fields.Date.context_today(self) - timedelta(days=AVERAGE_DAYS)
        liters = dict(
            self.env["dairy.milk.record"]._read_group(
                [("animal_id", "in", self.ids), ("date", ">=", since)],
                ["animal_id"],
                ["liters:sum"],
            )
        )
        for animal in self:
            animal.daily_liters = liters.get(animal, 0.0) / AVERAGE_DAYS

    @api.depends("tag", "name")
    def _compute_display_name(self):
        for animal in self:
            animal.display_name = f"{animal.tag} {animal.name}"

    @api.constrains("mother_id", "birth_date")
    def _check_mother(self):
        if self._has_cycle("mother_id"):
            raise ValidationError(self.env._("An animal cannot be its own ancestor."))
        for animal in self:
            if animal.mother_id and animal.mother_id.birth_date >= animal.birth_date:
                raise ValidationError(
                    self.env._(
                        "%(mother)s cannot be the mother of the older %(animal)s.",
                        mother=animal.mother_id.display_name,
                        animal=animal.display_name,
                    )
                )
