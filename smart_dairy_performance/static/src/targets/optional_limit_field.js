import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { FloatField, floatField } from "@web/views/fields/float/float_field";

/** A limit that need not be there: nothing is shown for 0, and nothing typed is 0. */
export class OptionalLimitField extends FloatField {
    get formattedValue() {
        return this.value ? super.formattedValue : "";
    }

    parse(value) {
        return value.trim() ? super.parse(value) : 0;
    }
}

registry.category("fields").add("smart_dairy_performance.optional_limit", {
    ...floatField,
    component: OptionalLimitField,
    displayName: _t("Limit that need not be there"),
});
